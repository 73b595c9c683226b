# Language, warnings and hardening for every target.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_definitions(_GNU_SOURCE LK_VERSION="${PROJECT_VERSION}" OPENSSL_API_COMPAT=30000 OPENSSL_NO_DEPRECATED)
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
                    -Werror -fno-common -fno-strict-aliasing -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection -ftrivial-auto-var-init=zero)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 16)
    # Clang before 16 takes the option only together with this one.
    add_compile_options(-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed)

if(LK_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
    add_compile_definitions(LK_SANITIZED=1)
else()
    add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
foreach(dep libevent libevent_openssl libnghttp2 libprotobuf-c lmdb libseccomp libfyaml p11-kit-1 jansson libcurl)
    pkg_check_modules(${dep} REQUIRED IMPORTED_TARGET ${dep})
endforeach()
pkg_check_modules(cmocka IMPORTED_TARGET cmocka)
pkg_check_modules(tss2 IMPORTED_TARGET tss2-esys tss2-tctildr tss2-mu tss2-rc)
find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_C protoc-c REQUIRED)
