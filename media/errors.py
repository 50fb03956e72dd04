"""What is wrong with a picture or a video: it cannot be read, or does not fit into memory."""


class MediaError(ValueError):
    """A picture or video file is missing, empty, broken, or of another kind."""


class NoRoomError(MediaError):
    """It needs more memory than is free, which may be otherwise another time."""
