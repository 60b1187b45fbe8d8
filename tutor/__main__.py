"""`python -m tutor` is `genai-tutor`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # Python looks into the current directory first: a folder `kernels` there must not take the place of ours.
        sys.path[0] = str(Path(__file__).resolve().parents[1])

    from tutor.cli import main

    main()
