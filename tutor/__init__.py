"""genai-tutor: joins the mathematics in `kernels` and the course in `content`."""

__version__ = "0.1.0"
