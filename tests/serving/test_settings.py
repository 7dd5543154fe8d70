import pytest

from fer.errors import UserError
from fer.serving.settings import Settings, cores


def test_defaults_need_no_environment():
    settings = Settings.of({"FER_YUNET": "not.ours"})
    assert settings.max_bytes == 25_000_000
    assert settings.api_key is None
    assert settings.origins == ()
    assert settings.worker_count * settings.thread_count <= max(cores(), settings.worker_count)


def test_the_environment_sets_them():
    settings = Settings.of(
        {
            "FER_SERVE_MAX_BYTES": "1000",
            "FER_SERVE_QUEUE_SECONDS": "0.5",
            "FER_SERVE_CORS_ORIGINS": "https://a.example, https://b.example",
            "FER_SERVE_API_KEY": "",
            "FER_SERVE_WORKERS": "3",
        }
    )
    assert (settings.max_bytes, settings.queue_seconds, settings.worker_count) == (1000, 0.5, 3)
    assert settings.origins == ("https://a.example", "https://b.example")
    assert settings.api_key is None, "an empty variable sets nothing"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("FER_SERVE_MAX_BYTES", "many", "FER_SERVE_MAX_BYTES: .*got 'many'"),
        ("FER_SERVE_MAX_BYTES", "0", "FER_SERVE_MAX_BYTES: .*greater than or equal to 1"),
        ("FER_SERVE_QUEUE_SECONDS", "inf", "FER_SERVE_QUEUE_SECONDS: "),
        (
            "FER_SERVE_MAX_BITES",
            "1",
            "FER_SERVE_MAX_BITES: no setting.* did you mean FER_SERVE_MAX_BYTES",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable(name, value, words):
    with pytest.raises(UserError, match=words) as caught:
        Settings.of({name: value})
    assert "\n" not in str(caught.value)


def test_a_shadow_needs_a_model_and_a_place_for_its_records(tmp_path, model_folder):
    with pytest.raises(UserError, match=r"^FER_SERVE_SHADOW: its records need a folder; set FER_SERVE_MONITOR$"):
        Settings(shadow=model_folder).check_monitor()
    with pytest.raises(UserError, match=r"nowhere/card\.json: cannot be read"):
        Settings(shadow=tmp_path / "no" / "nowhere", monitor=tmp_path).check_monitor()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty/card\.json: cannot be read"):
        Settings(shadow=tmp_path / "empty", monitor=tmp_path).check_monitor()
    Settings(shadow=tmp_path / "nobody waits", monitor=tmp_path).check_monitor()
    Settings(shadow=model_folder, monitor=tmp_path / "kept").check_monitor()


def test_a_key_from_a_file_loses_its_line_end_and_a_blank_one_is_refused_without_being_shown():
    assert Settings.of({"FER_SERVE_API_KEY": "s3cret\n"}).api_key == "s3cret"
    with pytest.raises(UserError, match="FER_SERVE_API_KEY: ") as caught:
        Settings.of({"FER_SERVE_API_KEY": " \n"})
    assert "got" not in str(caught.value)
