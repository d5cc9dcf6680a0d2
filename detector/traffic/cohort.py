"""Cohorts: what kind of sender an account is, so that it is compared with its like."""

from enum import StrEnum


class Cohort(StrEnum):
    """Assigned by an operator; otherwise learned from what the account sends."""

    PERSON = "person"  # somebody who writes mail
    ORGANISATION = "organisation"  # a club, shop or office that also writes to many at a time
    APPLICATION = "application"  # a program: order confirmations, notifications, tickets
