"""A run that fails tells of it, however it was started."""

import dagster as dg

from pipelines.alert_sensors import alert_failed_run
from pipelines.alerts import alert_failed
from tests.alerts.situations import TODAY, messages, scaretrade


def test_a_failed_run_is_told_once_a_day_and_reason(home, file):
    for reasons in (["3 rows failed"], ["4 rows failed"], ["another"]):
        alert_failed(home, "vendors", reasons)
    stays = f"nothing was published on {TODAY}, the tables published before stay as they were."
    assert messages(file()) == [f"{stays} 3 rows failed", f"{stays} another"]


def test_a_run_from_the_command_line_that_fails_tells_and_exits_with_1(tmp_path, file):
    work = tmp_path / "home" / "sample" / "work.duckdb"
    work.parent.mkdir(parents=True)
    work.write_text("no database")
    result = scaretrade("run", "--profile", "sample", "--home", tmp_path / "home", "--quiet")
    assert result.exit_code == 1
    (alert,) = file()
    assert alert["text"].startswith("SIMULATED: Failed run: nothing was published on ")
    assert "work.duckdb" in alert["message"]


def test_a_home_that_cannot_keep_the_alert_does_not_keep_it_from_being_sent(tmp_path, file):
    (tmp_path / "home").write_text("a file")
    result = scaretrade("run", "--profile", "sample", "--home", tmp_path / "home", "--quiet")
    assert result.exit_code == 1
    assert len(file()) == 1
    assert alert_failed(tmp_path / "home", "simulated", ["again"])[0].endswith("by the next failed run")


def test_the_ui_and_the_schedule_tell_of_failed_runs_too(tmp_path, file, monkeypatch):
    monkeypatch.setenv("SCARETRADE_HOME", str(tmp_path / "home"))

    @dg.op
    def breaks():
        raise ValueError("the reason")

    @dg.job
    def failing():
        breaks()

    with dg.DagsterInstance.ephemeral() as instance:
        result = failing.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            "alert_failed_run", result.get_run_failure_event(), instance, result.dagster_run
        )
        alert_failed_run(context.for_run_failure())
    assert "breaks: ValueError: the reason" in messages(file())[0]
