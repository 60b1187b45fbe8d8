"""What a course is made of: frozen objects decoded from the files in `content/`.

Every class here is a file's or a table's shape; unknown keys are errors. Texts are Markdown with `$…$` mathematics.

A question is a table `[[questions]]` of `questions.toml`. Each has `id type prompt objectives difficulty hints
explanation lesson`; besides, by type (`verify` is described in `check_question`):

    single_choice    choices{text, correct | feedback, fixed}, shuffle
    multiple_choice  the same
    true_false       answer = "true" | "false", one wrong{answer, feedback} for the other
    numeric          answer, alternatives, tolerance(_type), wrong, verify. An answer is a number, a vector
                     `[1, 2]` or a matrix `[1, 2; 3, 4]`; its shape is what the learner is asked for
    expression       answer, alternatives, wrong, symbols{name, low, high}, verify
    short_answer     answer, alternatives, wrong: a word or a few, whatever their case, hyphens, accents, plural s
    tracing          answer, alternatives, tolerance, wrong; the prompt has one block ```python. Asked is what the
                     block prints, or, with `verify`, the value of that expression after it; with
                     `after = { line = 3, times = 2 }` when line 3 of the block has run for the second time.
                     The code is really run to check the answer
    match            pairs{id, left, right, feedback, wrong}, distractors{id, text, feedback}, verify. Two pairs may
                     have the same right side. `feedback` is said when the right side is put elsewhere; `wrong`
                     names, by their text, right sides that are taken for this one, each with its own feedback
    cloze            gaps{name, type, …}; the prompt holds each name, ①, ② and so on, once, also in formulas and
                     code. A gap is a short_answer, numeric, expression or single_choice, with the keys of these
    order            items{id, text, needs}, distractors{id, text, feedback}: lines that belong nowhere;
                     fades{name, text, type, …}: once the order was right, half of the lines are given, and this text
                     stands for the line `name`, with a gap ① (② in the next fade, and so on) to be filled in
    self_graded      answer (the model answer), rubric

**Difficulty**, for someone who has read the lesson and looks nothing up:

     1  a definition, applied to numbers in the head
     2  one rule or formula that the page or the prompt states, with numbers put in
     3  one rule that has to be recalled or chosen first; a few lines of code followed
     4  two steps; or a common belief held against what the lesson says
     5  two ideas joined
     6  a short derivation, or one cause found among plausible ones
     7  three ideas joined, or a derivation of several steps
     8  a derivation with a twist: the obvious way ends at a wrong answer
     9  paper, and ideas of several chapters; the prompt does not say which
    10  what a researcher would have to think about, with paper

A placement quiz prefers questions from 4 to 8.

**Variants.** A question with `variants` is asked with other numbers each time:

    variants = [
      { name = "n", values = [512, 1024] },               # one of these; the first is the number of variant 0
      { name = "k", low = 8, high = 64, step = 8 },       # evenly spaced from low to high
      { name = "lost", formula = "n - k" },               # of those above, as a learner would type it
    ]

In its texts `{{n}}` is then the number, `{{2*n/3}}` the value of a formula, `{{n/k:.2f}}` the same with two decimals.
In answers and in `verify` the numbers keep all their digits and negative ones stand in parentheses, so that
`answer = "{{n}} - {{k}}"` is all that has to be written.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

QuestionType = Literal[
    "single_choice",
    "multiple_choice",
    "true_false",
    "numeric",
    "expression",
    "short_answer",
    "tracing",
    "match",
    "cloze",
    "order",
    "self_graded",
]
GapType = Literal["short_answer", "numeric", "expression", "single_choice"]

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z")]
"""A name for good. Some are names of files: no separators, so that none leads out of the content."""


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all content objects: immutable, and an unknown key is an error."""


class Week(Frozen, frozen=True):
    """A stretch of the schedule: one or more weeks spent on one chapter."""

    first: int
    last: int
    chapter: str
    focus: str
    hours: tuple[float, float]
    """Least and most hours planned for the whole stretch."""


class ChapterStub(Frozen, frozen=True):
    """A chapter as `course.toml` announces it, whether or not its content is written."""

    id: Id
    number: int
    title: str
    part: str


class Course(Frozen, frozen=True):
    """`content/course.toml`."""

    format_version: int
    title: str
    weeks: tuple[Week, ...]
    chapters: tuple[ChapterStub, ...]


class Objective(Frozen, frozen=True):
    """Something the learner can do after the chapter; questions name the objectives they test."""

    id: Id
    text: str


class Chapter(Frozen, frozen=True):
    """`content/NN-name/chapter.toml`."""

    id: Id
    number: int
    title: str
    why: str
    objectives: tuple[Objective, ...]
    lessons: tuple[Id, ...]
    """Lesson ids, in reading order; the file is `lessons/ID.md`."""
    labs: tuple[str, ...]
    checkpoint: tuple[str, ...]
    """Question ids kept for the checkpoint, practised in no lesson; a checkpoint asks about as many."""
    prerequisites: tuple[str, ...] = ()


class LessonHead(Frozen, frozen=True):
    """The `+++` front matter of a lesson."""

    id: Id
    title: str
    section: str
    minutes: int
    """To read, run and practise it; its labs are steps of their own. As a rule, within a third: a minute for 150 words,
    a display formula, a block of code and ten of its lines; 1½ for a step or a **Think.**, 2½ for a question."""
    objectives: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    """Asked from the lesson's last page, as practice."""


class Lesson(Frozen, frozen=True):
    """A lesson: its head and its pages of Markdown; a line `. . .` is where a page waits for the learner."""

    head: LessonHead
    pages: tuple[str, ...]
    path: str = ""


class Choice(Frozen, frozen=True):
    """An option of a choice question. Wrong ones explain why; right ones carry no feedback."""

    text: str
    correct: bool = False
    feedback: str = ""
    fixed: bool = False
    """Stays at its place when the others are shuffled."""


class WrongAnswer(Frozen, frozen=True):
    """A wrong answer that learners really give, and why it is wrong."""

    answer: str
    feedback: str


class Item(Frozen, frozen=True):
    """A line to put in order. `needs` names the ids of lines that must stand above it."""

    id: str
    text: str
    needs: tuple[str, ...] = ()
    given: bool = False
    """Stands at its place from the start. Given lines are the first ones."""


class Distractor(Frozen, frozen=True):
    """A line that belongs nowhere, or a right side that fits no left one, and why."""

    id: str
    text: str
    feedback: str


class Pair(Frozen, frozen=True):
    """A line of a `match` question."""

    id: str
    left: str
    right: str
    feedback: str = ""
    """What is said when `right` is put elsewhere."""
    wrong: tuple[WrongAnswer, ...] = ()
    """Right sides, by their text, that are taken for this one, and why they are not."""


class Symbol(Frozen, frozen=True):
    """A variable of an `expression` question with the domain it is sampled from."""

    name: str
    low: float
    high: float
    meaning: str = ""


class Gap(Frozen, frozen=True):
    """A gap to be filled in: a small question of its own."""

    name: str
    """How it is marked in the text: ①, ② and so on. Of a fade: the id of the line."""
    type: GapType
    choices: tuple[Choice, ...] = ()
    answer: str = ""
    alternatives: tuple[str, ...] = ()
    tolerance: float = 0.0
    tolerance_type: Literal["absolute", "relative"] = "absolute"
    wrong: tuple[WrongAnswer, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    verify: str = ""


class Fade(Gap, frozen=True, kw_only=True):
    """A line of an order, with a gap in it."""

    text: str


class Parameter(Frozen, frozen=True):
    """A number of a question with variants: one of `values`, or from low to high, or of a formula of those before."""

    name: str
    values: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    formula: str = ""


class After(Frozen, frozen=True):
    """A moment while code runs: `line` of it has just run for the `times`-th time."""

    line: int
    times: int = 1


class Question(Frozen, frozen=True):
    """One question, defined once and used by lesson, checkpoint, review and statistics."""

    id: Id
    type: QuestionType
    prompt: str
    objectives: tuple[str, ...]
    difficulty: int
    explanation: str
    lesson: str
    """`LESSON-ID` or `LESSON-ID#PAGE` (pages count from 1): what to read again. Empty in a chapter without lessons."""
    hints: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    shuffle: bool = True
    answer: str = ""
    """Right answer, written as a learner would type it; `true`/`false`; the model answer of `self_graded`."""
    alternatives: tuple[str, ...] = ()
    tolerance: float = 0.0
    tolerance_type: Literal["absolute", "relative"] = "absolute"
    wrong: tuple[WrongAnswer, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    items: tuple[Item, ...] = ()
    """Lines of an `order` question, in one right order."""
    pairs: tuple[Pair, ...] = ()
    distractors: tuple[Distractor, ...] = ()
    gaps: tuple[Gap, ...] = ()
    """Of a `cloze`; of an `order` those of its faded lines."""
    fades: tuple[Fade, ...] = ()
    after: After | None = None
    rubric: tuple[str, ...] = ()
    verify: str = ""
    """Python over `np` and `kernels` that recomputes the answer; see `tutor.course.check_question`."""
    variants: tuple[Parameter, ...] = ()
    checkpoint: int = 0
    """1-based number among the guide's checkpoint questions of the chapter; 0 if it is none of them."""
    template: Question | None = None
    """The question as its author wrote it, of which this one is a variant. Set when it is read, never by an author."""
