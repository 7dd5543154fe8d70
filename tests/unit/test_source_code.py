import ast
import gc
import threading
import time

from fer.source_code import import_closure


def test_threads_may_read_imports_together():
    """The defect: CPython 3.11 mixes up what threads parse where one lets another run, and a training ended in it."""
    found, wanted = [], import_closure("fer.inference.reader")

    def let_others_run(phase: str, info: dict[str, int]) -> None:
        time.sleep(0)

    threads = [threading.Thread(target=lambda: found.append(import_closure("fer.inference.reader"))) for _ in range(4)]
    threshold = gc.get_threshold()
    gc.callbacks.append(let_others_run)
    gc.set_threshold(50)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(let_others_run)
    assert found == [wanted] * 4


def test_a_librarys_thread_in_the_way_is_waited_for(monkeypatch):
    wanted, parse, calls = import_closure("fer.inference.reader"), ast.parse, iter(range(10**6))

    def disturbed(text: str) -> ast.Module:
        if next(calls) % 3:
            raise SystemError("AST constructor recursion depth mismatch (before=96, after=75)")
        return parse(text)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert import_closure("fer.inference.reader") == wanted
