"""Answers as students write them, from the text of each exercise alone, to try the checkers on.

They were written before the checkers' lists of named mistakes, and no checker may be bent to a single one of them:
what is missing there belongs into a general detector or a mistake that many make. ``RIGHT`` must pass, ``WRONG`` and
``HELD_OUT`` must not; ``HELD_OUT`` was looked at only after the checkers were done.
"""
