# Where `cmake --install build/release --prefix /usr` puts things: what a broker, an administrator and a guest run, their pages and
# units, and the hooks of both makers of an initramfs. Programs find each other in their own folder and in ../libexec/latchkey.
include(GNUInstallDirs)

install(TARGETS latchkeyd DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS latchkey latchkey-collateral-fetch latchkey-fetch DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS latchkey-front latchkey-verifier latchkey-keeper latchkey-token DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/latchkey)
foreach(collector latchkey-evidence-logs latchkey-evidence-snp latchkey-evidence-tdx latchkey-evidence-tpm)
    install(TARGETS ${collector} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/latchkey)
endforeach()

foreach(section 1 5 8)
    file(GLOB pages CONFIGURE_DEPENDS docs/man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN man EXCLUDE)
install(FILES deploy/latchkeyd.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

install(DIRECTORY deploy/systemd/ DESTINATION lib/systemd/system FILES_MATCHING REGEX "\\.(service|socket|timer)$")
install(FILES deploy/systemd/latchkey.sysusers DESTINATION lib/sysusers.d RENAME latchkey.conf)
install(FILES deploy/systemd/latchkey.tmpfiles DESTINATION lib/tmpfiles.d RENAME latchkey.conf)
install(PROGRAMS deploy/initramfs-tools/hooks/latchkey DESTINATION share/initramfs-tools/hooks)
install(PROGRAMS deploy/initramfs-tools/scripts/local-top/latchkey DESTINATION share/initramfs-tools/scripts/local-top)
install(PROGRAMS deploy/dracut/95latchkey/module-setup.sh DESTINATION lib/dracut/modules.d/95latchkey)
