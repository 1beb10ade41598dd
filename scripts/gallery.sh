#!/usr/bin/env bash
# Draws the pictures of docs/gallery anew, by the commands that stand there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

gmmpi_install $gmmpi_test_packages
gmmpi_build release gmmpi_program
"$GMMPI_PYTHON" scripts/gallery.py build/release/gmmpi
