"""What the UI and the lab host say to each other: msgpack messages, each after its length in four bytes."""

from __future__ import annotations

from typing import Any

import msgspec

from tutor.labs.spec import Chart, Check, Value

Picture = list[list[tuple[str, str]]]
"""Lines of (text, Rich style) runs, ready to paint."""
Layout = list[tuple[str, int, int]]
"""(chart id, width, height) in cells, of the charts on the screen."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all that the UI asks for; the host acknowledges each `id`."""

    id: int = 0


class Open(Command, frozen=True, tag="open"):
    """Open a lab, paused at its first frame."""

    lab: str
    params: dict[str, Value]
    seed: int
    layout: Layout
    theme: str
    speed: float
    prediction: float | None = None


class Play(Command, frozen=True, tag="play"):
    """Run."""


class Pause(Command, frozen=True, tag="pause"):
    """Hold."""


class Step(Command, frozen=True, tag="step"):
    """One step, then hold."""


class Close(Command, frozen=True, tag="close"):
    """Forget the lab."""


class Restart(Command, frozen=True, tag="restart"):
    """Begin the run again."""

    params: dict[str, Value]
    seed: int


class Change(Command, frozen=True, tag="change"):
    """Change a live parameter."""

    name: str
    value: Value


class Predict(Command, frozen=True, tag="predict"):
    """Draw the learner's prediction."""

    value: float


class Speed(Command, frozen=True, tag="speed"):
    """Multiple of the lab's usual pace; 0 is as fast as it goes."""

    factor: float


class Resize(Command, frozen=True, tag="resize"):
    """Draw these charts at these sizes."""

    layout: Layout


class Theme(Command, frozen=True, tag="theme"):
    """Draw in these colours."""

    name: str


class Draw(Command, frozen=True, tag="draw"):
    """Draw charts that belong to no lab, from these series; an open lab goes on."""

    charts: list[Chart]
    arrays: dict[str, list[float]]
    layout: Layout
    theme: str


class Shown(Command, frozen=True, tag="shown"):
    """The UI took the frame; the host may send the next."""


AnyCommand = Open | Play | Pause | Step | Close | Restart | Change | Predict | Speed | Resize | Theme | Draw | Shown


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The host has loaded what labs need."""


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """A command was taken up."""

    id: int


class Frame(msgspec.Struct, frozen=True, tag="frame"):
    """What is to be seen now."""

    seq: int
    lab: str
    step: int
    total: int
    running: bool
    done: bool
    note: str
    scalars: dict[str, float]
    checks: list[Check]
    pictures: dict[str, Picture]


class Drawing(msgspec.Struct, frozen=True, tag="drawing"):
    """The charts that `Draw` asked for; `id` is the command's."""

    id: int
    pictures: dict[str, Picture]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A command could not be carried out, or a lab raised; the lab is held."""

    message: str


AnyReply = Ready | Ack | Frame | Drawing | Failed

_encoder = msgspec.msgpack.Encoder()
commands: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(AnyCommand)
replies: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(AnyReply)


def pack(message: AnyCommand | AnyReply) -> bytes:
    """A message as it goes through the pipe."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body
