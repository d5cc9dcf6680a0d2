from detector.traffic.cohort import Cohort


def test_the_words_of_the_cohorts_are_those_of_the_commands_and_the_records() -> None:
    assert [str(cohort) for cohort in Cohort] == ["person", "organisation", "application"]
    assert Cohort("organisation") is Cohort.ORGANISATION
