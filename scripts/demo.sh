#!/usr/bin/env bash
# Fits Old Faithful with two ranks, prints the model, and draws the data with the fitted ellipses.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

gmmpi_install
gmmpi_build release gmmpi_program
mkdir -p demo
gmmpi=build/release/gmmpi

$gmmpi_mpirun -n 2 $gmmpi fit tests/data/old_faithful.csv -k 2 -o demo/old_faithful.model.h5 --force
echo
$gmmpi info demo/old_faithful.model.h5
echo
$gmmpi plot scatter tests/data/old_faithful.csv demo/old_faithful.model.h5 -o demo/old_faithful.png
echo "Now try your own table: $gmmpi fit your.csv -k 3 -o your.model.h5"
echo "and draw it:            $gmmpi plot scatter your.csv your.model.h5 -o your.png"
