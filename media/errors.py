"""The one exception for files that cannot be read as what they should be."""


class MediaError(ValueError):
    """A picture or video file is missing, empty, broken, or of another kind."""
