"""All pages of the admin view: importing this hangs their doors."""

from flask import Flask

from portal.admin import frame, gate
from portal.admin.approvals import approving
from portal.admin.approvals import rules as approval_rules
from portal.admin.audit import page as auditing
from portal.admin.daily import closing as daily_closing
from portal.admin.daily import mail as daily_mail
from portal.admin.daily import open_items
from portal.admin.daily import page as daily
from portal.admin.deliveries import page as deliveries
from portal.admin.doors import bp
from portal.admin.lists import reserves as reserves_list
from portal.admin.lists import searching
from portal.admin.lists import showing as lists
from portal.admin.overview import page as overview
from portal.admin.people import directory, entering, staff
from portal.admin.requests import acts as request_acts
from portal.admin.requests import page as request_page
from portal.admin.requests import payment_acts
from portal.admin.rules import page as rules
from portal.admin.settings import addresses as settings_addresses
from portal.admin.settings import directory as settings_directory
from portal.admin.settings import finance as settings_finance
from portal.admin.settings import keeping as settings_keeping
from portal.admin.settings import kinds as settings_kinds
from portal.admin.settings import money as settings_money
from portal.admin.settings import page as settings
from portal.admin.settings import town as settings_town
from portal.admin.tasks import assigning as custody_assign
from portal.admin.tasks import page as tasks

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
    reserves_list,
    rules,
    searching,
    settings,
    settings_addresses,
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
