# Cross build for aarch64 on Debian: cmake --toolchain cmake/aarch64.cmake -DGMMPI_SYSROOT=FOLDER
#
# The folder holds the arm64 packages that the build needs, unpacked (scripts/checks/aarch64.sh makes one).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES GMMPI_SYSROOT)
set(CMAKE_SYSROOT ${GMMPI_SYSROOT})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${GMMPI_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${GMMPI_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${GMMPI_SYSROOT}/usr/share/pkgconfig)

# Programs of the sysroot cannot run here, and those of this machine (mpicc, h5cc) tell of its own libraries.
set(libraries ${GMMPI_SYSROOT}/usr/lib/aarch64-linux-gnu)
set(MPI_SKIP_COMPILER_WRAPPER ON)
set(MPI_C_HEADER_DIR ${libraries}/openmpi/include)
set(MPI_C_LIB_NAMES mpi)
set(MPI_mpi_LIBRARY ${libraries}/openmpi/lib/libmpi.so)
set(HDF5_C_COMPILER_EXECUTABLE ${GMMPI_SYSROOT}/usr/bin/h5cc)

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-L;${GMMPI_SYSROOT})
