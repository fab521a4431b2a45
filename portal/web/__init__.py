"""The edge kit: what all HTTP edges share (headers, cookies, CSRF, errors, language, API layer).

May enter: the ground floor. Only edges enter here.
"""
