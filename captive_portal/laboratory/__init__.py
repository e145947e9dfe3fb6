"""The gateway laboratory, where an engineer sees what a redirect is and what will come of it."""

from captive_portal.laboratory.explanation import Explanation, KnownGateway, Parameter, Problem, explain

__all__ = ["Explanation", "KnownGateway", "Parameter", "Problem", "explain"]
