"""The course: content files read into frozen objects, checked and graded."""
