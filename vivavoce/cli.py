"""The command line."""

import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import TypeAdapter, ValidationError

from pipeline.decoding import Decoding
from settings import NAME, Settings
from vivavoce import models, people
from vivavoce.access import keys
from vivavoce.replace import replace as replace_words
from vivavoce.search import search as search_transcripts

app = typer.Typer(
    name=NAME,
    help="Transcripts with lasting speaker names and emotions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(people.app, name="people")
app.command("replace")(replace_words)
app.command("search")(search_transcripts)


Task = Annotated[Literal["transcribe", "translate"], typer.Option(help="translate: the text is English.")]
Hotwords = Annotated[str, typer.Option(help="Names and terms that are likely to occur.")]
Model = Annotated[str, typer.Option(help="Model that transcribes, one of WHISPER_MODEL and WHISPER_MODELS.")]
Transcription = Annotated[bool, typer.Option(help="Without it: who speaks when, and how, without words.")]
InitialPrompt = Annotated[str, typer.Option(help="Text that precedes it, or an example of its spelling and punctuation.")]


def main() -> None:
    """The program. An error that the user can correct prints one sentence and exits with status 1."""
    from engines.weights.resolver import WeightsError
    from engines.weights.whisper_models import SameNameError
    from media.decoding import AudioError
    from media.free_space import DiskFullError
    from services.access.admin_key import NoCredentialError
    from storage.legacy.sqlite_file import LegacyFileError
    from storage.postgres.database import DatabaseError
    from vivavoce.archive import ArchiveError
    from vivavoce.dashboard import DashboardError
    from vivavoce.evaluate import EvaluationError
    from vivavoce.listen import ListenError
    from vivavoce.remote import RemoteError

    expected = (
        ArchiveError,
        AudioError,
        DashboardError,
        DatabaseError,
        DiskFullError,
        EvaluationError,
        keys.KeysError,
        LegacyFileError,
        ListenError,
        NoCredentialError,
        people.PeopleError,
        RemoteError,
        SameNameError,
        WeightsError,
        FileNotFoundError,
    )
    try:
        app()
    except expected as error:
        sys.exit(f"{NAME}: {error}")
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors()]
        sys.exit(f"{NAME}: the settings are wrong. {'; '.join(faults)}")


def _print_version(requested: bool) -> None:
    if requested:
        print(NAME, version(NAME))
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on. [default: 8000]")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where recordings and the embedded database are kept.")] = None,
    sample: Annotated[bool, typer.Option(help="Process a sample conversation and print it, if the archive is empty.")] = False,
    dashboard: Annotated[bool, typer.Option(help="Run Ray's dashboard, too; it takes memory.")] = True,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser, on a desktop.")] = False,
) -> None:
    """Run the whole application until Ctrl-C: database, models, REST API, page."""
    from vivavoce import server

    chosen: dict[str, Any] = {"host": host, "port": port, "data_path": data_dir and data_dir.resolve()}
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})
    server.run(settings, sample=sample, dashboard=dashboard, browser=browser)


@app.command()
def dashboard(
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of the running application.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser, or only print how to sign in.")] = True,
) -> None:
    """Open Ray's dashboard of the running application, signed in."""
    from vivavoce.dashboard import show

    show(Settings(data_path=data_dir.resolve()) if data_dir else Settings(), browser=browser)


@app.command()
def transcribe(
    file: Annotated[Path, typer.Argument(help="Any audio or video file.", exists=True, dir_okay=False, readable=True)],
    json: Annotated[bool, typer.Option("--json", help="Print the object that GET /conversations/{id} returns.")] = False,
    srt: Annotated[bool, typer.Option("--srt", help="Print SubRip subtitles.")] = False,
    vtt: Annotated[bool, typer.Option("--vtt", help="Print WebVTT subtitles.")] = False,
    txt: Annotated[bool, typer.Option("--txt", help="Print plain text, for programs.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a table with one row for each segment.")] = False,
    rttm: Annotated[bool, typer.Option("--rttm", help="Print speaker turns, for diarization tools.")] = False,
    language: Annotated[str | None, typer.Option(help="ISO 639-1 code; detected if not given.")] = None,
    num_speakers: Annotated[int | None, typer.Option(min=1, max=100, help="How many people speak, if known.")] = None,
    min_speakers: Annotated[int | None, typer.Option(min=1, max=100)] = None,
    max_speakers: Annotated[int | None, typer.Option(min=1, max=100)] = None,
    channels: Annotated[
        Literal["auto", "separate", "mix"],
        typer.Option(help="Transcribe channels or tracks apart, or mixed; apart if they hold different speech."),
    ] = "auto",
    task: Task = "transcribe",
    hotwords: Hotwords = "",
    initial_prompt: InitialPrompt = "",
    model: Model = "",
    transcription: Transcription = True,
    word_timestamps: Annotated[bool, typer.Option(help="Print the words of each segment with --json.")] = True,
) -> None:
    """Transcribe a file in this process, with no server: progress on stderr, the transcript on stdout."""
    from engines import cuda
    from engines.weights import whisper_models
    from media import separation
    from pipeline.languages import chosen_language, language_code
    from pipeline.process import Options
    from pipeline.types import SpeakerHint

    formats = {"json": json, "srt": srt, "vtt": vtt, "txt": txt, "csv": csv, "rttm": rttm}
    chosen = [name for name, wanted in formats.items() if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter(f"Ask for one format at a time, not for {' and '.join(f'--{name}' for name in chosen)}.")
    settings = Settings()
    try:
        spoken = chosen_language(language_code(language) if language else None, settings.language)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--language") from error
    try:
        hint = SpeakerHint.checked(num_speakers, min_speakers, max_speakers)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    decoding = replace(_decoding(task, hotwords, initial_prompt), enabled=transcription, model=model)
    try:
        decoding = whisper_models.with_model(decoding, spoken, whisper_models.configured(settings, gpu=cuda.available()))
    except whisper_models.ModelError as error:
        raise typer.BadParameter(str(error)) from error
    options = Options(
        language=spoken,
        hint=hint,
        channels=channels,
        decoding=decoding,
        filter_hallucinations=settings.filter_hallucinations,
    )
    loaded = separation.load(file, channels, settings.max_duration_hours * 3600)
    from vivavoce import transcription as local  # loads all engines, after options and file were checked

    transcript = local.transcribe(loaded, file.name, settings, options)
    text = local.render(transcript, file, chosen[0] if chosen else None, words=word_timestamps)
    print(text.rstrip("\n"))


@app.command()
def listen(
    file: Annotated[
        Path | None, typer.Argument(help="A file to play, in real time.", exists=True, dir_okay=False, readable=True)
    ] = None,
    microphone: Annotated[bool, typer.Option("--microphone", help="Record from the microphone until Ctrl-C.")] = False,
    language: Annotated[str | None, typer.Option(help="ISO 639-1 code; detected if not given.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the conversation. [default: the time]")] = None,
    num_speakers: Annotated[int | None, typer.Option(min=1, max=100, help="How many people speak, if known.")] = None,
    task: Task = "transcribe",
    hotwords: Hotwords = "",
    initial_prompt: InitialPrompt = "",
    model: Model = "",
    transcription: Transcription = True,
    speed: Annotated[float, typer.Option(min=0.1, max=100, help="Playback speed of a file.")] = 1.0,
    url: Annotated[str | None, typer.Option(help="Where the application runs. [default: this machine, PORT]")] = None,
) -> None:
    """Stream audio to a running application and print each segment as it ends."""
    from vivavoce import listen as live
    from vivavoce.access.credential import headers

    if (file is None) != microphone:
        raise typer.BadParameter("Name a file to play, or give --microphone.")
    _decoding(task, hotwords, initial_prompt)  # refuses what the server would
    settings = Settings()
    source = live.file(file, settings, speed) if file is not None else live.microphone()
    options = {
        "language": language,
        "title": title,
        "num_speakers": num_speakers,
        "partials": sys.stderr.isatty(),
        "task": task,
        "hotwords": hotwords,
        "initial_prompt": initial_prompt,
        "model": model,
        "enable_transcription": transcription,
        "word_timestamps": False,  # they are not printed
    }
    address = url or settings.address
    live.listen(address, source, options, live.show, headers(address, settings))


def _decoding(task: Literal["transcribe", "translate"], hotwords: str, initial_prompt: str) -> Decoding:
    values = {"task": task, "hotwords": hotwords, "initial_prompt": initial_prompt}
    try:
        return TypeAdapter(Decoding).validate_python(values)
    except ValidationError as error:
        fault = error.errors()[0]
        raise typer.BadParameter(fault["msg"], param_hint=f"--{fault['loc'][0]}".replace("_", "-")) from error


@app.command()
def evaluate(
    conversation: Annotated[
        list[int] | None, typer.Option(help="Only this conversation; may be given more than once. [default: all with labels]")
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="ID=FILE: the reference text of a conversation.")] = None,
    rttm: Annotated[
        list[str] | None, typer.Option(help="ID=FILE: the reference speaker turns of a conversation, as RTTM.")
    ] = None,
    collar: Annotated[float, typer.Option(min=0, max=1, help="Seconds around the RTTM's boundaries not to score.")] = 0.0,
    sweep_padding: Annotated[bool, typer.Option(help="Also embed segments again with different context_padding.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Plot the sweeps to this file: .svg, .png or .pdf.", dir_okay=False)] = None,
    url: Annotated[str | None, typer.Option(help="Where the application runs. [default: this machine, PORT]")] = None,
) -> None:
    """Measure transcripts against labels and references, and propose a speaker_threshold."""
    from vivavoce import evaluate as evaluation
    from vivavoce.access.credential import headers

    settings = Settings()
    address = url or settings.address
    print(
        evaluation.run(
            address,
            headers(address, settings),
            conversation or None,
            _references(text, "--text"),
            _references(rttm, "--rttm"),
            collar=collar,
            sweep_padding=sweep_padding,
            plot=plot,
        )
    )


def _references(given: list[str] | None, option: str) -> dict[int, Path]:
    """Parse `7=talk.txt` into a conversation id and a file."""
    found: dict[int, Path] = {}
    for pair in given or ():
        id_, equals, path = pair.partition("=")
        if not (id_.isdecimal() and equals and Path(path).is_file()):
            raise typer.BadParameter(f"{pair!r} is not the number of a conversation, =, and a file.", param_hint=option)
        found[int(id_)] = Path(path)
    return found


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it, as JSON; an existing file is replaced.", dir_okay=False)],
) -> None:
    """Write speakers, voices, emotion profiles, corrections and settings to a file. No recordings, no texts."""
    from vivavoce.archive import write_backup

    kept = write_backup(file, Settings())
    print(f"{file}: {kept.speakers_count} speaker(s), {kept.segments_count} line(s).")


@app.command()
def restore(
    file: Annotated[
        Path, typer.Argument(help="A file written by `backup` or the API.", exists=True, dir_okay=False, readable=True)
    ],
) -> None:
    """Replace speakers and settings by a backup, all of it or nothing. The replaced state is kept as a profile."""
    from vivavoce.archive import restore_backup

    done = restore_backup(file, Settings())
    print(
        f"{done.counts.speakers_restored} speaker(s), {done.counts.segments_updated} line(s) of the recordings that are here."
    )
    if done.before is not None:
        print(f"What was replaced is the profile '{done.before.name}'.")
    for warning in (done.left_out, done.legacy_warning, done.settings_warning):
        if warning:
            print(warning, file=sys.stderr)


@app.command("import-legacy")
def import_legacy(
    file: Annotated[
        Path, typer.Argument(help="The reference system's database, speakers.db.", exists=True, dir_okay=False, readable=True)
    ],
    audio: Annotated[
        Path | None, typer.Option(help="Its directory of recordings: data.", exists=True, file_okay=False, readable=True)
    ] = None,
    voices: Annotated[bool, typer.Option(help="Compute the voices of the speakers from the recordings.")] = True,
) -> None:
    """Import conversations, speakers, emotion profiles and recordings of the reference system. Stop that system first."""
    from vivavoce import legacy

    print(legacy.import_file(file, audio, Settings(), voices=voices))


@app.command()
def mcp(
    url: Annotated[str | None, typer.Option(help="Where the application runs. [default: this machine, PORT]")] = None,
) -> None:
    """Serve the application's MCP tools over stdin and stdout, for desktop clients such as Claude Desktop."""
    from mcp_server.stdio import Relay
    from vivavoce.access.credential import headers

    settings = Settings()
    address = url or settings.address
    Relay(address, headers(address, settings)).run("stdio")
