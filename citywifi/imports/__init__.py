"""Imports of the publishers' files as they are: areas, boundaries, deprivation, population, venues.

Every import reads its file, decides row by row, and stores what is new or changed in one transaction; a second import
of the same file changes nothing. What a row lacks is told with its line, never guessed.
"""
