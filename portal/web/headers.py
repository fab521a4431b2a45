"""Security headers on every answer, and no copy of anything personal.

The policy has no ``unsafe-inline``: styles, scripts and fonts are files of our own. ``data:``
images are the icons that KERN's style sheet carries. ``form-action 'self'`` would block the
redirect to a provider in Chromium, so the way there leads over a page of our own.
"""

from flask import Flask, Response

from portal.web.current import settings

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Robots-Tag": "noindex, nofollow",
}
HSTS = "max-age=63072000; includeSubDomains"


def init_app(app: Flask) -> None:
    """Dress every answer."""
    app.after_request(_dress)


def _dress(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Cache-Control", "no-store")
    if settings().https:
        answer.headers.setdefault("Strict-Transport-Security", HSTS)
    return answer
