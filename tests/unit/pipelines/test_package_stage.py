import pytest

from fer.errors import UserError
from fer.files import write_text
from pipelines import paths
from pipelines.packaged import packaged_tag


@pytest.mark.parametrize(
    "content", ["", "{", '["fer"]', "{}", '{"tag": 3}', '{"tag": "fer-service"}', '{"tag": "../x"}']
)
def test_a_damaged_note_of_the_bento_is_one_line_with_the_remedy(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(paths.BENTO, content)
    with pytest.raises(UserError, match=r"reports/bento\.json: .*; run make run") as caught:
        packaged_tag()
    assert "\n" not in str(caught.value)


def test_no_note_says_that_nothing_is_packaged_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no champion has been packaged yet"):
        packaged_tag()
