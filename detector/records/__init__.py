"""Incidents, strikes, decisions of people and the audit log, in SQL."""
