/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of the C library for the errors that commands answer with; scripts know them. */
#include <errno.h>

#include "core/mgmt/mgmt_impl.h"

const char *mgmt_error_text(int code, char scratch[32])
{
	static const struct {
		int code;
		const char *text;
	} error[] = {
		{0, "Success"},
		{EPERM, "Operation not permitted"},
		{ENOENT, "No such file or directory"},
		{ESRCH, "No such process"},
		{EINTR, "Interrupted system call"},
		{EIO, "Input/output error"},
		{ENXIO, "No such device or address"},
		{E2BIG, "Argument list too long"},
		{ENOEXEC, "Exec format error"},
		{EBADF, "Bad file descriptor"},
		{EAGAIN, "Resource temporarily unavailable"},
		{ENOMEM, "Cannot allocate memory"},
		{EACCES, "Permission denied"},
		{EBUSY, "Device or resource busy"},
		{EEXIST, "File exists"},
		{ENODEV, "No such device"},
		{ENOTDIR, "Not a directory"},
		{EISDIR, "Is a directory"},
		{EINVAL, "Invalid argument"},
		{EMFILE, "Too many open files"},
		{EFBIG, "File too large"},
		{ENOSPC, "No space left on device"},
		{EROFS, "Read-only file system"},
		{EPIPE, "Broken pipe"},
		{ERANGE, "Numerical result out of range"},
		{ENAMETOOLONG, "File name too long"},
		{ENOSYS, "Function not implemented"},
		{ELOOP, "Too many levels of symbolic links"},
		{EBADMSG, "Bad message"},
		{EOVERFLOW, "Value too large for defined data type"},
		{EILSEQ, "Invalid or incomplete multibyte or wide character"},
		{EMSGSIZE, "Message too long"},
		{EOPNOTSUPP, "Operation not supported"},
		{EADDRINUSE, "Address already in use"},
		{EADDRNOTAVAIL, "Cannot assign requested address"},
		{ENOBUFS, "No buffer space available"},
		{ENOTCONN, "Transport endpoint is not connected"},
		{ETIMEDOUT, "Connection timed out"},
		{ECONNREFUSED, "Connection refused"},
		{EALREADY, "Operation already in progress"},
		{EINPROGRESS, "Operation now in progress"},
	};
	struct vs_text text;

	for (size_t i = 0; i < sizeof(error) / sizeof(error[0]); i++)
		if (error[i].code == code)
			return error[i].text;
	vs_text_init(&text, scratch, 32);
	vs_text_add(&text, "Unknown error %d", code);
	return scratch;
}
