"""Texts with codes: one file for each kind of provider, all of one shape (captive_portal/ways_in/sms/base.py)."""
