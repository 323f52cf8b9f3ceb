"""Tests of core.secrets.env_file."""
