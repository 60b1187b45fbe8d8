"""Labs: each defined once, run by the TUI, the CLI and the tests alike."""
