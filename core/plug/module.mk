$(call declare,library,vdeplug,conn.c ipn.c vdeplug.c vdestream.c)
$(call declare,shared,libvdeplug.so.2,libvdeplug.map,vdeplug)
$(call declare,header,libvdeplug.h)
$(call declare,pkgconfig,vdeplug.pc.in)
$(call declare,unit,vdestream_test.c,vdeplug)
$(call declare,fuzz,vdestream_fuzz.c,vdeplug)
mans += core/plug/libvdeplug.3
