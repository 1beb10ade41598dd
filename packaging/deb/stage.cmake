# Finishes the tree that becomes the .deb: Python finds the package, and texts are where Debian wants them.
set(usr "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr")

file(MAKE_DIRECTORY "${usr}/lib/python3/dist-packages")
file(CREATE_LINK ../../../share/gmmpi/python/gmmpi "${usr}/lib/python3/dist-packages/gmmpi" SYMBOLIC)

file(RENAME "${usr}/share/doc/gmmpi/LICENSE" "${usr}/share/doc/gmmpi/copyright")
file(CREATE_LINK copyright "${usr}/share/doc/gmmpi/LICENSE" SYMBOLIC)

file(MAKE_DIRECTORY "${usr}/share/zsh/vendor-completions")
file(RENAME "${usr}/share/zsh/site-functions/_gmmpi" "${usr}/share/zsh/vendor-completions/_gmmpi")
file(REMOVE_RECURSE "${usr}/share/zsh/site-functions")

file(GLOB pages "${usr}/share/man/man1/*.1")
execute_process(COMMAND gzip -9n ${pages} COMMAND_ERROR_IS_FATAL ANY)
