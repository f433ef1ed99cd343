"""What all tests of the reliability have in common."""

from tests.support.patience import patient_erasures, patient_searches  # noqa: F401
