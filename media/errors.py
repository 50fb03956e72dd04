"""Errors of images and videos: unreadable, or too large for memory."""


class MediaError(ValueError):
    """An image or video file is missing, empty, broken, or of another kind."""


class NoRoomError(MediaError):
    """More memory is needed than is currently free; a later attempt may succeed."""
