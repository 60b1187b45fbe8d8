"""The two themes, and nothing else: Textual's `ansi-*` themes turn black on black under NO_COLOR."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="dark",
    primary="#7fb0f5",
    secondary="#b6a2ea",
    accent="#e5b567",
    success="#8fc983",
    warning="#e5b567",
    error="#f08a8a",
    foreground="#d9dde5",
    background="#14171c",
    surface="#1a1e25",
    panel="#232833",
    dark=True,
    variables={
        "footer-background": "#1a1e25",
        "footer-key-foreground": "#e5b567",
        "footer-description-foreground": "#aab2c0",
        "block-cursor-background": "#2d4263",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#232833",
        "border": "#4a5568",
        "border-blurred": "#333b48",
    },
)

LIGHT = Theme(
    name="light",
    primary="#1f5aa6",
    secondary="#6a3fa0",
    accent="#8a5300",
    success="#23702b",
    warning="#8a5300",
    error="#b3261e",
    foreground="#24272e",
    background="#fbfaf7",
    surface="#f3f1eb",
    panel="#e8e5dc",
    dark=False,
    variables={
        "footer-background": "#f3f1eb",
        "footer-key-foreground": "#8a5300",
        "footer-description-foreground": "#4b515c",
        "block-cursor-background": "#cfe0f7",
        "block-cursor-foreground": "#10233d",
        "block-cursor-blurred-background": "#e8e5dc",
        "border": "#9aa0aa",
        "border-blurred": "#c9c6bd",
    },
)
