"""Join what a force adds to the dbt project: its models, its rows of seeds, and what its events count for.

dbt has one folder per project and, offline, no packages. So a project with anything of the force is written below the
data root: links to the shipped folders, to the force's models and to shipped seeds, and the files that differ.
"""

from hashlib import sha256
from pathlib import Path

from dagster_project.config.contracts import contracts_of
from dagster_project.config.files import entries
from dagster_project.config.seeds import FOLDER as SEEDS
from dagster_project.config.seeds import laid_over
from dagster_project.contracts.odcs import SUFFIX
from dagster_project.settings import CONTRACTS, DBT_PROJECT, Settings
from dagster_project.tools.generate import column_texts
from dagster_project.writing import draft_of, make_private_folder, write_whole

MODELS = "config/models"
# Models of a force's own parts and amounts, which without any would have no rows to select.
_OWN_PARTS = "own_parts"
_TEXTS = "texts"
_PARTS = "parts.yaml"


def has_additions(settings: Settings) -> bool:
    """Return whether the force adds something to the dbt project."""
    folder = settings.config_folder
    return any(entries(folder / SEEDS)) or (folder / "models").is_dir() or (folder / _PARTS).is_file()


def project_of(settings: Settings) -> dict[str, str | Path]:
    """Return the files of the project with what the force adds, by path: a text, or what a link leads to.

    Empty if the force adds nothing: then the shipped project is used as it is.

    Raises:
        ConfigError: a file of the configuration cannot be used.
    """
    if not has_additions(settings):
        return {}
    from dagster_project.config.parts import as_variables, parts_of

    seeds, models = laid_over(settings), settings.config_folder / "models"
    contracts = contracts_of(settings)
    parts = parts_of(settings, contracts)
    shipped = {path.name.removesuffix(SUFFIX) for path in CONTRACTS.glob(f"*{SUFFIX}")}
    own = {source: contract for source, contract in contracts.items() if source not in shipped}
    files: dict[str, str | Path] = {name: DBT_PROJECT / name for name in ("models", "macros", "tests", _OWN_PARTS)}
    files |= {f"seeds/{path.name}": path for path in entries(DBT_PROJECT / "seeds")}
    files |= {f"seeds/{name}.csv": text for name, text in seeds.items()}
    files |= {MODELS: models} if models.is_dir() else {}
    files[f"{_TEXTS}/_contract_columns_of_own_sources.md"] = column_texts(own)
    files["dbt_project.yml"] = _with(
        {"model-paths": ["models", *([_OWN_PARTS] if parts else []), MODELS, _TEXTS]},
        {"own_events": as_variables(parts)},
    )
    return files


def write_project(files: dict[str, str | Path], folder: Path) -> None:
    """Write the files of a project that differ, each of them whole."""
    for name, content in files.items():
        path = folder / name
        make_private_folder(path.parent)
        if isinstance(content, Path):
            if not (path.is_symlink() and path.readlink() == content.absolute()):
                draft = draft_of(path)
                draft.unlink(missing_ok=True)
                draft.symlink_to(content.absolute())
                draft.replace(path)
        elif path.is_symlink() or not path.is_file() or path.read_text(encoding="utf-8") != content:
            write_whole(path, content.encode())


def hash_of(files: dict[str, str | Path]) -> str:
    """Return a hash of what a force adds to the project."""
    digest = sha256()
    for name, content in sorted(files.items()):
        if isinstance(content, str):
            digest.update(f"{name}\0{content}\0".encode())
    own = files.get(MODELS)
    for path in sorted(Path(own).rglob("*")) if own else ():
        if path.is_file():
            digest.update(f"{path.relative_to(str(own))}\0".encode() + sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _with(changes: dict[str, object], variables: dict[str, object]) -> str:
    """Return the shipped `dbt_project.yml` with other options and further variables."""
    import yaml

    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return yaml.safe_dump({**project, **changes, "vars": {**project["vars"], **variables}}, sort_keys=False)
