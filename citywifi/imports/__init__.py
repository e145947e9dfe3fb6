"""Imports of the publishers' files: places, boundaries, deprivation, population, venues."""
