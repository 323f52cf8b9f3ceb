"""Tests of core.secrets.theatre."""
