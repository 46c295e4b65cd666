def test_x(three_days, tmp_path):
    copy = three_days.copy(tmp_path / "alone" / "home")
    words = copy.home / "commentary" / "kent" / "2022-10.md"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("## Weather\n\nRain.\n\n## 999 calls\n\nA *quiet* month.\n", encoding="utf-8")
    done = copy.fcir("publish")
    print([l for l in done.out.splitlines() if "papers" in l or "warning" in l])
    import json

    a, b = sorted((copy.home / "published").glob("[0-9]*"))
    for m in ("2022-10", "2022-11"):
        x, y = (json.loads((f / "papers/kent" / m / "report.json").read_text()) for f in (a, b))
        print(
            m,
            {k: (str(x[k])[:80], str(y[k])[:80]) for k in x if x[k] != y[k] and k != "report"},
            {
                k: (str(x["report"][k])[:200], str(y["report"][k])[:200])
                for k in x["report"]
                if x["report"][k] != y["report"].get(k)
            },
        )
    assert 0
