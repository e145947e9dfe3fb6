"""The demo city comes alive: phones and gateways that speak to the services over real sockets.

``schedule`` says who comes to which library when; ``gateway`` is a CoovaChilli as its contract describes it,
``phones`` a resident's phone without JavaScript and cookies, and ``runner`` plays a day of them and counts.
"""
