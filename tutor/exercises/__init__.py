"""Running code that the learner reads or writes, in a limited child process."""
