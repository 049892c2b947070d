/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sockets want of groups: RFC 3376 2, RFC 3678, and Linux's errors for it. */
#include "stack/group/group.h"

#include <errno.h>
#include <string.h>

static int most_sources(const struct stk *s, const struct group_member *m)
{
	return (int)(wire_addr_is4(&m->group->addr) ? s->ip->set.igmp_max_msf
						    : s->ip->set.mld_max_msf);
}

/* The interface that is meant: RFC 3678 3, by the route to the group if none is named. */
static struct ip_interface *interface_for(struct stk *s, const struct stk_socket *so,
					  const struct stk_addr *group)
{
	const struct wire_addr *any =
		wire_addr_is4(&group->addr) ? &wire_addr_any4 : &wire_addr_any6;
	struct ip_path path;

	if (group->ifindex)
		return ip_if(s, group->ifindex);
	if (so->multicast_ifindex)
		return ip_if(s, so->multicast_ifindex);
	if (ip_path_find(s, &group->addr, any, 0, &path))
		return NULL;
	return ip_if(s, path.ifindex);
}

/* Gives the place of the pointer to the membership, or of NULL at the list's end. */
static struct group_member **find(struct stk_socket *so, const struct wire_addr *group, int ifindex)
{
	struct group_member **m = &so->groups;

	while (*m && !(wire_addr_equal(&(*m)->group->addr, group) &&
		       (!ifindex || (*m)->ifindex == ifindex)))
		m = &(*m)->socket_next;
	return m;
}

bool group_socket_wants(const struct stk_socket *so, int ifindex, const struct wire_addr *group,
			const struct wire_addr *src)
{
	for (const struct group_member *m = so->groups; m; m = m->socket_next) {
		bool lists = false;

		if (m->ifindex != ifindex || !wire_addr_equal(&m->group->addr, group))
			continue;
		for (unsigned i = 0; i < m->count; i++)
			lists = lists || wire_addr_equal(&m->sources[i], src);
		return lists != m->exclude;
	}
	return !so->multicast_only;
}

static void member_free(struct stk *s, struct group_member *m)
{
	struct group_member **p = &m->group->members;

	while (*p != m)
		p = &(*p)->group_next;
	*p = m->group_next;
	vs_free(s->arena, m->sources, m->size * sizeof(*m->sources));
	vs_free(s->arena, m, sizeof(*m));
}

static void leave(struct stk *s, vs_time now, struct group_member **place)
{
	struct group_member *m = *place;
	struct ip_interface *interface = ip_if(s, m->ifindex);
	struct ip_group *g = m->group;

	*place = m->socket_next;
	member_free(s, m);
	group_merge(s, now, interface, g);
}

void group_socket_fini(struct stk *s, struct stk_socket *so)
{
	while (so->groups)
		leave(s, s->now, &so->groups);
}

void ip_groups_fini(struct stk *s, struct ip_interface *interface)
{
	struct ip_group *g;

	for (struct stk_socket *so = s->all; so; so = so->all_next) {
		for (struct group_member **p = &so->groups; *p;) {
			struct group_member *m = *p;

			if (m->ifindex != interface->ifindex) {
				p = &m->socket_next;
				continue;
			}
			*p = m->socket_next;
			member_free(s, m);
		}
	}
	while ((g = interface->groups)) {
		interface->groups = g->next;
		vs_free(s->arena, g->sources, g->size * sizeof(*g->sources));
		vs_free(s->arena, g, sizeof(*g));
	}
	group_link_fini(s, interface);
}

static int join(struct stk *s, vs_time now, struct stk_socket *so, struct ip_interface *interface,
		const struct wire_addr *group, bool exclude, struct group_member ***place)
{
	struct group_member *m;
	struct ip_group *g;
	int64_t count = 0;

	for (m = so->groups; m; m = m->socket_next)
		count += wire_addr_is4(&m->group->addr);
	if (wire_addr_is4(group) && count >= s->ip->set.igmp_max_memberships)
		return -ENOBUFS;
	m = vs_alloc(s->arena, sizeof(*m));
	g = m ? group_get(s, interface, group) : NULL;
	if (!g) {
		vs_free(s->arena, m, sizeof(*m));
		return -ENOMEM;
	}
	m->group = g;
	m->ifindex = interface->ifindex;
	m->exclude = exclude;
	m->group_next = g->members;
	g->members = m;
	m->socket_next = so->groups;
	so->groups = m;
	*place = &so->groups;
	/* Of sources the first one makes the filter. */
	if (!exclude || !group_merge(s, now, interface, g))
		return 0;
	so->groups = m->socket_next;
	member_free(s, m);
	group_forget_if_idle(s, interface, g);
	return -ENOMEM;
}

static int source_add(struct stk *s, struct group_member *m, const struct wire_addr *source)
{
	if ((int)m->count >= most_sources(s, m))
		return -ENOBUFS;
	if (m->count == m->size) {
		unsigned size = m->size ? m->size * 2 : 4;
		struct wire_addr *more =
			vs_grow(s->arena, m->sources, sizeof(*more), m->size, size);

		if (!more)
			return -ENOMEM;
		m->sources = more;
		m->size = size;
	}
	m->sources[m->count++] = *source;
	return 0;
}

/* Adds a source to, or takes one from, the filter of a membership in the mode. */
static int change(struct stk *s, vs_time now, struct group_member **place, bool exclude, bool put,
		  const struct wire_addr *source)
{
	struct group_member *m = *place;
	unsigned at = 0;
	int error = 0;

	if (m->exclude != exclude)
		return -EINVAL;
	while (at < m->count && !wire_addr_equal(&m->sources[at], source))
		at++;
	if ((at < m->count) == put)
		return -EADDRNOTAVAIL;
	if (put)
		error = source_add(s, m, source);
	else
		m->sources[at] = m->sources[--m->count];
	/* RFC 3678 4.1.3: who includes nobody is no member. */
	if (!m->exclude && !m->count)
		leave(s, now, place);
	else if (!error)
		error = group_merge(s, now, ip_if(s, m->ifindex), m->group);
	return error;
}

int stk_group(struct stk *s, vs_time now, int fd, enum stk_group_op op,
	      const struct stk_addr *group, const struct wire_addr *source)
{
	struct stk_socket *so = stk_socket_of(s, fd);
	struct group_member **place;
	struct ip_interface *interface;
	bool of_source = op != STK_GROUP_JOIN && op != STK_GROUP_LEAVE;
	int error;

	s->now = now;
	if (!so)
		return -EBADF;
	if (!wire_addr_is_multicast(&group->addr) ||
	    (of_source && (!source || wire_addr_is_multicast(source) ||
			   wire_addr_is4(source) != wire_addr_is4(&group->addr))))
		return -EINVAL;
	if (op == STK_GROUP_LEAVE) {
		place = find(so, &group->addr, group->ifindex);
		if (!*place)
			return -EADDRNOTAVAIL;
		leave(s, now, place);
		return 0;
	}
	interface = interface_for(s, so, group);
	if (!interface)
		return -ENODEV;
	place = find(so, &group->addr, interface->ifindex);
	if (op == STK_GROUP_JOIN)
		return *place ? -EADDRINUSE
			      : join(s, now, so, interface, &group->addr, true, &place);
	if (!*place) {
		if (op != STK_GROUP_JOIN_SOURCE)
			return -EINVAL;
		error = join(s, now, so, interface, &group->addr, false, &place);
		if (error)
			return error;
	}
	return change(s, now, place, op == STK_GROUP_BLOCK || op == STK_GROUP_UNBLOCK,
		      op == STK_GROUP_JOIN_SOURCE || op == STK_GROUP_BLOCK, source);
}

int stk_group_filter_set(struct stk *s, vs_time now, int fd, const struct stk_addr *group,
			 bool exclude, const struct wire_addr *sources, unsigned count)
{
	struct stk_socket *so = stk_socket_of(s, fd);
	struct ip_interface *interface;
	struct group_member **place, *m;
	struct wire_addr *list = NULL;

	s->now = now;
	if (!so)
		return -EBADF;
	if (!wire_addr_is_multicast(&group->addr))
		return -EINVAL;
	interface = interface_for(s, so, group);
	if (!interface)
		return -ENODEV;
	place = find(so, &group->addr, interface->ifindex);
	m = *place;
	if (!m)
		return -EINVAL;
	if ((int)count > most_sources(s, m))
		return -ENOBUFS;
	if (!exclude && !count) {
		leave(s, now, place);
		return 0;
	}
	if (count) {
		list = vs_alloc(s->arena, count * sizeof(*list));
		if (!list)
			return -ENOMEM;
		memcpy(list, sources, count * sizeof(*list));
	}
	vs_free(s->arena, m->sources, m->size * sizeof(*m->sources));
	m->sources = list;
	m->count = m->size = count;
	m->exclude = exclude;
	return group_merge(s, now, interface, m->group);
}

int stk_group_filter_get(struct stk *s, int fd, const struct stk_addr *group, bool *exclude,
			 struct wire_addr *sources, unsigned *count)
{
	struct stk_socket *so = stk_socket_of(s, fd);
	struct group_member *m;
	unsigned room = *count;

	if (!so)
		return -EBADF;
	m = *find(so, &group->addr, group->ifindex);
	if (!m)
		return -EADDRNOTAVAIL;
	*exclude = m->exclude;
	*count = m->count;
	memcpy(sources, m->sources ? m->sources : sources,
	       (room < m->count ? room : m->count) * sizeof(*sources));
	return 0;
}
