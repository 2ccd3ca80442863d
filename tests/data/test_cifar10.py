"""CIFAR-10 from a folder: the records, the two shares, the errors. The files are made here, with 40 records each."""

from pathlib import Path

import numpy as np
import pytest

from xnp.data import cifar10
from xnp.data.dataset import DataError

RECORDS = 40  # four of each class in a file, twenty in the five training files
FILES = (*cifar10.TRAINING_FILES, cifar10.TEST_FILE)


def records(seed: int) -> np.ndarray:
    """Random pixels behind balanced labels: (RECORDS, 3073) uint8. No two images are alike."""
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 256, (RECORDS, cifar10.RECORD), dtype=np.uint8)
    made[:, 0] = rng.permutation(np.arange(RECORDS) % 10)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that holds cifar-10-batches-bin."""
    monkeypatch.setattr(cifar10, "RECORDS", RECORDS)
    (tmp_path / "data" / cifar10.FOLDER).mkdir(parents=True)
    for seed, file in enumerate(FILES):
        records(seed).tofile(tmp_path / "data" / cifar10.FOLDER / file)
    return tmp_path / "data"


def identities(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


# Records.


def test_pixels_and_labels_stand_where_the_format_says(folder: Path) -> None:
    record = np.zeros((RECORDS, cifar10.RECORD), np.uint8)
    record[7, 0] = 9
    record[7, 1 + 2] = 11  # red plane, row 0, column 2
    record[7, 1 + 1024 + 32 * 5 + 6] = 22  # green plane, row 5, column 6
    record[7, 1 + 2048 + 32 * 31 + 31] = 33  # blue plane, the last pixel
    record.tofile(folder / cifar10.FOLDER / cifar10.TEST_FILE)
    images, labels, names = cifar10.load_test(folder)
    assert (images[7, 0, 2, 0], images[7, 5, 6, 1], images[7, 31, 31, 2]) == (11, 22, 33)
    assert images.sum(dtype=int) == 11 + 22 + 33
    assert names[labels[7]] == "truck"
    assert labels.sum() == 9


def test_datasets_have_the_settled_types(folder: Path) -> None:
    train, validation = cifar10.load_training(folder, validation=50)
    for data, count in ((train, 150), (validation, 50), (cifar10.load_test(folder), RECORDS)):
        assert data.images.shape == (count, 32, 32, 3)
        assert data.images.dtype == np.uint8
        assert data.images.flags.c_contiguous
        assert data.labels.shape == (count,)
        assert data.labels.dtype == np.int64
        assert len(data.names) == 10


def test_all_five_files_are_read_in_order(folder: Path) -> None:
    train, validation = cifar10.load_training(folder, validation=0)
    expected = np.concatenate([records(seed) for seed in range(5)])
    np.testing.assert_array_equal(train.labels, expected[:, 0])
    np.testing.assert_array_equal(train.images.transpose(0, 3, 1, 2).reshape(-1, 3072), expected[:, 1:])
    assert validation.images.shape == (0, 32, 32, 3)


def test_official_files_hold_ten_thousand_records(tmp_path: Path) -> None:
    with (tmp_path / cifar10.TEST_FILE).open("wb") as file:
        file.truncate(9_999 * cifar10.RECORD)
    with pytest.raises(DataError, match=r"test_batch\.bin has 30,726,927 bytes; expected 30,730,000"):
        cifar10.load_test(tmp_path)


@pytest.mark.parametrize("change", [-1, 1, -cifar10.RECORD, cifar10.RECORD])
def test_truncated_and_too_long_files_are_refused(folder: Path, change: int) -> None:
    file = folder / cifar10.FOLDER / "data_batch_3.bin"
    size = RECORDS * cifar10.RECORD
    file.write_bytes(bytes(size + change))
    with pytest.raises(DataError, match=rf"data_batch_3\.bin has {size + change:,} bytes; expected {size:,}"):
        cifar10.load_training(folder, validation=10)


def test_label_10_is_refused_with_file_and_record(folder: Path) -> None:
    made = records(3)
    made[17, 0] = 10
    made.tofile(folder / cifar10.FOLDER / "data_batch_4.bin")
    with pytest.raises(DataError, match=r"data_batch_4\.bin, record 17 has label 10; expected 0 to 9"):
        cifar10.load_training(folder, validation=10)


def test_missing_file_is_named(folder: Path) -> None:
    (folder / cifar10.FOLDER / "data_batch_2.bin").unlink()
    with pytest.raises(DataError, match=r"has no data_batch_2\.bin"):
        cifar10.load_training(folder, validation=10)


# The two shares.


@pytest.mark.parametrize("seed", [0, 1])
def test_shares_are_stratified_and_disjoint(folder: Path, seed: int) -> None:
    train, validation = cifar10.load_training(folder, subset=60, validation=80, seed=seed)
    np.testing.assert_array_equal(np.bincount(train.labels), [6] * 10)
    np.testing.assert_array_equal(np.bincount(validation.labels), [8] * 10)
    assert len(identities(train.images) | identities(validation.images)) == 60 + 80


def test_official_numbers_are_stratified() -> None:
    labels = np.random.default_rng(3).permutation(np.arange(50_000) % 10)
    train, validation = cifar10.split(labels, 5000, 5000, 0)
    np.testing.assert_array_equal(np.bincount(labels[train]), [500] * 10)
    np.testing.assert_array_equal(np.bincount(labels[validation]), [500] * 10)
    assert np.intersect1d(train, validation).size == 0


def test_default_holds_out_5000_of_50000(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = cifar10.Dataset(np.zeros((50_000, 1, 1, 1), np.uint8), np.arange(50_000) % 10, cifar10.NAMES)
    monkeypatch.setattr(cifar10, "load", lambda files, data_dir: everything)
    train, validation = cifar10.load_training()
    assert (len(train.labels), len(validation.labels)) == (45_000, 5_000)


def test_validation_is_the_same_whatever_the_subset(folder: Path) -> None:
    shares = [cifar10.load_training(folder, subset=subset, validation=80) for subset in (10, 60, 120, None)]
    for train, validation in shares:
        np.testing.assert_array_equal(validation.images, shares[0][1].images)
        np.testing.assert_array_equal(validation.labels, shares[0][1].labels)
        assert not identities(train.images) & identities(validation.images)
    nested = [identities(train.images) for train, _ in shares]
    assert nested[0] < nested[1] < nested[2] == nested[3]  # a larger subset adds images, and takes none away


def test_without_a_subset_every_image_is_used_once(folder: Path) -> None:
    train, validation = cifar10.load_training(folder, validation=80)
    assert len(train.labels) == 200 - 80
    assert len(identities(train.images) | identities(validation.images)) == 200


def test_images_keep_their_labels(folder: Path) -> None:
    known = {made[1:].tobytes(): made[0] for seed in range(5) for made in records(seed)}
    for data in cifar10.load_training(folder, subset=60, validation=80):
        for image, label in zip(data.images, data.labels, strict=True):
            assert known[image.transpose(2, 0, 1).tobytes()] == label


def test_seed_decides_the_draw(folder: Path) -> None:
    first, again, other = (cifar10.load_training(folder, subset=60, validation=80, seed=seed) for seed in (5, 5, 6))
    for share in (0, 1):
        np.testing.assert_array_equal(first[share].images, again[share].images)
        assert identities(first[share].images) != identities(other[share].images)


def test_classes_are_mixed_in_the_order_of_the_files() -> None:
    train, validation = cifar10.split(np.arange(200) % 10, 60, 80, 0)
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"subset": 55}, r"load_training: subset is 55; it must be a multiple of 10"),
        ({"subset": -10}, r"subset is -10;"),
        ({"subset": 20.0}, r"subset is 20\.0;"),
        ({"validation": 81}, r"validation is 81;"),
        ({"validation": -80}, r"validation is -80;"),
        ({"subset": 130}, r"validation=80 and subset=130 do not fit: there are 20 images of class 'airplane'"),
        ({"subset": 0}, r"at least one must be left for training"),
        ({"validation": 200}, r"at least one must be left for training"),
        ({"validation": 210}, r"validation=210 and subset=None do not fit"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(folder: Path, numbers: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cifar10.load_training(folder, **{"validation": 80, **numbers})


def test_training_never_needs_the_test_file(folder: Path) -> None:
    test = folder / cifar10.FOLDER / cifar10.TEST_FILE
    before = cifar10.load_training(folder, validation=80)
    test.write_bytes(b"no record")
    damaged = cifar10.load_training(folder, validation=80)
    test.unlink()
    missing = cifar10.load_training(folder, validation=80)
    for share in (0, 1):
        np.testing.assert_array_equal(before[share].images, damaged[share].images)
        np.testing.assert_array_equal(before[share].images, missing[share].images)
    with pytest.raises(DataError, match=r"has no test_batch\.bin"):
        cifar10.load_test(folder)


# Where the data are.


def test_data_dir_is_the_folder_or_the_one_around_it(folder: Path) -> None:
    around = cifar10.load_test(folder)
    itself = cifar10.load_test(str(folder / cifar10.FOLDER))
    np.testing.assert_array_equal(around.images, itself.images)


def test_xnp_data_may_hold_the_unpacked_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNP_DATA", str(folder))
    np.testing.assert_array_equal(cifar10.load_test().images, cifar10.load_test(folder).images)


def test_data_dir_comes_before_the_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNP_DATA", str(folder))
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        cifar10.load_test(tmp_path / "elsewhere")


def test_nothing_there_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNP_DATA", str(tmp_path / "nowhere"))
    for load in (cifar10.load_training, cifar10.load_test):
        with pytest.raises(FileNotFoundError, match=r"nowhere.*xnp download.*--data-dir"):
            load()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/xnp"),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/xnp"),
        ("darwin", {"XDG_CACHE_HOME": "xdg"}, "home/Library/Caches/xnp"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/xnp"),
        ("win32", {}, "home/AppData/Local/xnp"),
        ("linux", {"XNP_DATA": "mine", "XDG_CACHE_HOME": "xdg"}, "mine"),
        ("win32", {"XNP_DATA": "mine", "LOCALAPPDATA": "local"}, "mine"),
        ("linux", {"XNP_DATA": ""}, "home/.cache/xnp"),
    ],
)
def test_cache_folder(
    platform: str, variables: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XNP_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value and str(tmp_path / value))
    monkeypatch.setattr("sys.platform", platform)
    assert cifar10.cache_folder() == tmp_path / expected
