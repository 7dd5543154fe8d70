from fer.serving.problems import of_status


def test_a_mistake_of_ours_has_a_code_and_a_sentence():
    problem = of_status(500)
    assert problem.code == "internal"
    assert "log" in problem.message
