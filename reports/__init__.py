# SPDX-License-Identifier: MIT
"""What was found: the schema of results, and everything that is made from them for people to read.

Nothing is imported here: the processes that call kernels need a few words of it, and no pages.
"""
