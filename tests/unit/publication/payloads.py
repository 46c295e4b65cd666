"""Texts as cells of an extract can hold them: names that are no file names, formulas in every disguise, and figures."""

UNSAFE_NAMES = [
    *("", ".", "..", "...", "../../../../escaped-by-a-cell", "..\\..\\escaped-by-a-cell", "/etc/passwd", "C:evil"),
    *("kent/../../x", "kent\\x", ".hidden", " kent", "kent ", "kent.", "javascript:alert(1)", "data:text/html,x"),
    *("=cmd|'/c calc'!A1", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a*b", "a?b", "a\nb"),
    *("West Yorkshire", "=1+1", "-", "@SUM(1)", "#frag", "100%", "a&b", "o'neill", "\u202egpj.exe", "kent\n"),
    *("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a\x00b", "x" * 101, "x" * 10_000, "\N{GRINNING FACE}"),
]

# What a spreadsheet would evaluate, and texts that it leaves as they are.
FORMULAS = [
    *("=1+1", "+1+1", "-1-1", "@SUM(1)", "=cmd|'/c calc'!A1", "\t=1", "\t", "\r", " =1", "\n=1", "\xa0=1", "\u2003=1"),
    *("\u200b=1", "\ufeff=1", "\x00=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(1)", "\ufe661", "-", "-1 234"),
    *("+44 7700 900123", "-1,234;=1", "-1m 2s=1", "-1.2%%", "-1\n", "-\u0661", '=HYPERLINK("http://example.org","x")'),
]
TEXTS = [
    *("", "-2h 3m", "-1e-7", "a=b", "1+1", "kent", "1,234", "-1,234", "+5", "-1.2%", "-0.05", "-17s", "-1m 2s"),
    *("-1h 2m 3s", "1=1", "a\n=1", "'=1", "\N{EN DASH}", "\u22121"),
]
