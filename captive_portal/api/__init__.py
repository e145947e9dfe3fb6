"""The open API, version 1: venues and status for everybody, a resident's own data, and what staff's programs do.

What an operation takes and gives, who may use it and what can go wrong stands once, at its handler
(:mod:`captive_portal.api.operations`); the OpenAPI document and the page that explains it are made from that.
"""
