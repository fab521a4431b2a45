"""The one error that a caller of this provider sees."""


class Refused(Exception):
    """``code`` is for programs, ``status`` the HTTP status, the message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
