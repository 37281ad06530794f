# SPDX-License-Identifier: MIT
"""Gives pytest the option --benchmark and those that go with it."""

pytest_plugins = ["bench.plugin"]
