# lk_descriptor_set(SYMBOL INCLUDES dir ... PROTOS file.proto ...)
#   Adds to the including folder's variable SYMBOL_SOURCE a C file that defines
#   `const unsigned char SYMBOL[]` and `const size_t SYMBOL_len`: the FileDescriptorSet of the files with all they
#   import, for gRPC reflection. The files are named as the INCLUDES find them.
set(LK_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed.cmake)
function(lk_descriptor_set symbol)
    cmake_parse_arguments(D "" "" "INCLUDES;PROTOS" ${ARGN})
    set(set ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.pb)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
    foreach(dir ${D_INCLUDES})
        list(APPEND flags -I ${dir})
        foreach(proto ${D_PROTOS})
            if(EXISTS ${dir}/${proto})
                list(APPEND inputs ${dir}/${proto})
            endif()
        endforeach()
    endforeach()
    add_custom_command(
        OUTPUT ${source}
        COMMAND ${PROTOC} ${flags} --include_imports --descriptor_set_out=${set} ${D_PROTOS}
        COMMAND ${CMAKE_COMMAND} -DIN=${set} -DOUT=${source} -DSYMBOL=${symbol} -P ${LK_EMBED_SCRIPT}
        DEPENDS ${inputs} ${LK_EMBED_SCRIPT})
    set(${symbol}_SOURCE ${source} PARENT_SCOPE)
endfunction()
