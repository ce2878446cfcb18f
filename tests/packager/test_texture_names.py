"""The texture's new name in an MTL: the names change, nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from result_packager import create_result_zip
from result_packager.texture_names import name_archived_texture


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"map_Kd mesh.png\n", b"map_Kd texture.png\n"),
        (b"map_Kd mesh.png", b"map_Kd texture.png"),
        (b"map_Kd mesh.png\r\nKd 1 1 1\r\n", b"map_Kd texture.png\r\nKd 1 1 1\r\n"),
        (b"map_Kd ./mesh.png\n", b"map_Kd ./texture.png\n"),
        (b"\tMAP_kD\t mesh.png \t\n", b"\tMAP_kD\t texture.png \t\n"),
        (b"map_Kd -s 1 1 1 mesh.png\n", b"map_Kd -s 1 1 1 texture.png\n"),
        (b"map_Kd -o 0 -.5 1e-3 -s 2 mesh.png", b"map_Kd -o 0 -.5 1e-3 -s 2 texture.png"),
        (b"bump -bm 0.8 mesh.png\n", b"bump -bm 0.8 texture.png\n"),
        (b"map_Bump -mm 0 1 -clamp on mesh.png\n", b"map_Bump -mm 0 1 -clamp on texture.png\n"),
        (b"refl -type sphere mesh.png\n", b"refl -type sphere texture.png\n"),
        (b"disp mesh.png\ndecal mesh.png", b"disp texture.png\ndecal texture.png"),
        (b"norm mesh.png", b"norm texture.png"),
        (b"\xef\xbb\xbfmap_Kd mesh.png\n", b"\xef\xbb\xbfmap_Kd texture.png\n"),
        (b"map_Kd mesh.png # the texture\n", b"map_Kd texture.png # the texture\n"),
        (b'map_Kd "mesh.png"\n', b'map_Kd "texture.png"\n'),
        (b"map_Kd .\\mesh.png\n", b"map_Kd .\\texture.png\n"),
        (b"map_Ka mesh.png\rmap_Kd mesh.png\r", b"map_Ka texture.png\rmap_Kd texture.png\r"),
    ],
)  # fmt: skip
def test_texture_statements_name_the_archived_texture(before, after):
    assert name_archived_texture(before) == after


@pytest.mark.parametrize(
    "line",
    [
        b"newmtl mesh.png",
        b"# map_Kd mesh.png",
        b"map_Kd my mesh.png",
        b"map_Kd textures/mesh.png",
        b"map_Kd mesh.png.bak",
        b"map_Kd other_mesh.png",
        b"map_Kd -s 1 1 1 my mesh.png",
        b"map_Kd -o 0 0 0 0 mesh.png",
        b"map_Kd MESH.PNG",
        b"map_Kd mesh.png#1",
        b"map_Kdmesh.png",
        b"Kd mesh.png",
        b"bumpy mesh.png",
        b"",
        b"\xff\xfe\x00",
    ],
)
def test_every_other_byte_stays(line):
    for materials in (line, line + b"\n", b"Kd 1 1 1\r\n" + line + b"\r\n"):
        assert name_archived_texture(materials) == materials


@given(
    st.lists(
        st.sampled_from([b"map_Kd ", b"mesh.png", b"\n", b"\r\n", b"-s 1 ", b"./", b"# ", b"x"])
    )
)
def test_nothing_but_whole_names_changes(parts):
    materials = b"".join(parts)
    assert name_archived_texture(materials).replace(b"texture.png", b"mesh.png") == materials


@pytest.mark.parametrize(
    "hostile",
    [
        b"map_Kd " + b" " * 10**6,
        b"map_Kd -s x " + b"1" * 10**6,
        b"map_Kd " + b"-a 1 " * 200_000 + b"x",
    ],
    ids=["spaces", "digits", "options"],
)
def test_hostile_lines_are_read_once(hostile):
    assert name_archived_texture(hostile) == hostile


def test_the_archive_holds_the_rewritten_mtl_and_the_disk_keeps_its_own(write_job, read_back):
    materials = b"newmtl mesh.png\r\nmap_Kd -s 1 1 1 mesh.png"
    output = write_job({"m/mesh.obj": b"v 0 0 0\n", "m/mesh.mtl": materials, "m/mesh.png": b"PNG"})
    held = read_back(create_result_zip("j0b", output).getvalue())
    assert held["m/mesh.mtl"] == b"newmtl mesh.png\r\nmap_Kd -s 1 1 1 texture.png"
    assert held["m/texture.png"] == b"PNG"
    assert (output / "m/mesh.mtl").read_bytes() == materials


@pytest.mark.parametrize("size", [200_000, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_a_long_mtl_is_rewritten_to_its_end(write_job, read_back, size):
    line = b"map_Kd mesh.png\n"
    materials = b"#" * (size - len(line) - 1) + b"\n" + line
    output = write_job({"m/mesh.obj": b"", "m/mesh.mtl": materials})
    held = read_back(create_result_zip("j0b", output).getvalue())
    assert held["m/mesh.mtl"] == materials.replace(b"mesh.png", b"texture.png")
