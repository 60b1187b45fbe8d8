"""`python -m tutor` is `genai-tutor`."""

from tutor.cli import main

main()
