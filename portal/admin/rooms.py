"""All pages of the admin view: importing this hangs their doors."""

from flask import Flask

from portal.admin import (
    approval_rules,
    approving,
    auditing,
    custody_assign,
    daily,
    daily_closing,
    daily_mail,
    deliveries,
    directory,
    entering,
    frame,
    gate,
    lists,
    open_items,
    overview,
    payment_acts,
    request_acts,
    request_page,
    rules,
    searching,
    settings,
    settings_directory,
    settings_finance,
    settings_keeping,
    settings_kinds,
    settings_money,
    settings_town,
    staff,
    tasks,
)
from portal.admin.doors import bp

PAGES = (
    approval_rules,
    approving,
    auditing,
    custody_assign,
    daily,
    daily_closing,
    daily_mail,
    deliveries,
    directory,
    entering,
    lists,
    open_items,
    overview,
    payment_acts,
    request_acts,
    request_page,
    rules,
    searching,
    settings,
    settings_directory,
    settings_finance,
    settings_keeping,
    settings_kinds,
    settings_money,
    settings_town,
    staff,
    tasks,
)


def init_app(app: Flask) -> None:
    """Give the templates what stands around every page."""
    frame.init_app(app)


__all__ = ["PAGES", "bp", "gate", "init_app"]
