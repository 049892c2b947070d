/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The IP layer's own structures: interfaces, addresses, routes, path MTUs, fragments. Only for
 * stack/ip, stack/neigh, stack/icmp and the stack's own files.
 *
 *      stk_input -> ip_eth_input -> ip_input -> [ip_reasm] -> tcp_input, udp_input, icmp_input
 *                                      \-> ip_forward -\
 *      ip_output -> [ip_fragment] ----------------------> neigh_output -> stk_emit -> stk_output
 *          \-> ip_loop, for what goes to ourselves: comes back at the next stk_run()
 */
#ifndef VSQ_STACK_IP_H
#define VSQ_STACK_IP_H

#include "stack/stk_impl.h"

#define IP_BUCKETS	64 /* of addresses and of routes */
#define IP_PATHS	64 /* remembered ways */
#define IP_PMTU_BUCKETS 64
#define IP_PMTU_MAX	1024 /* destinations whose path MTU is remembered */
#define IP_REASM_MAX	1024 /* datagrams in pieces at a time, whatever the settings say */
#define IP_MTU_MIN4	68   /* RFC 791 3.1 */
#define IP_MTU_MIN6	1280 /* RFC 8200 5 */
#define IP_MTU_LOOP	65535
#define IP_PMTU_MIN4	552   /* never believe less: RFC 1191 7.1, Linux's min_pmtu */
#define IP_OUTPUT_MAX	65536 /* frames that wait for stk_output() */

/* TENTATIVE   not ours yet: it is being asked whether somebody has it (neigh/dad.c). To VALID when
 *	       nobody answered, to DUPLICATE when somebody has it.
 * VALID       ours.
 * DUPLICATE   somebody else's. It stays, unused, until its owner removes it, or its interface is
 *	       brought up again, which asks anew.
 */
enum ip_address_state { IP_VALID, IP_TENTATIVE, IP_DUPLICATE };

/* How an address came to be. */
enum ip_address_kind {
	IP_MANUAL,     /* the owner added it */
	IP_LINK_LOCAL, /* with the interface */
	IP_STABLE,     /* SLAAC: RFC 4862 5.5 */
	IP_TEMPORARY,  /* SLAAC: RFC 8981 */
};

struct dad;
struct group_link;
struct ip_group;
struct ra;
struct wire_nd;

struct ip_address {
	struct wire_addr addr;
	unsigned bits;
	int ifindex;
	enum ip_address_state state;
	struct dad *dad; /* while TENTATIVE or announced; or NULL */
	enum ip_address_kind kind;
	bool deprecated;		       /* no new connection starts from it */
	bool home;			       /* RFC 6724 5, rule 4 */
	struct wire_addr router;	       /* who advertised its prefix last; or any */
	bool renewed;			       /* a temporary one that has its successor */
	uint8_t tries;			       /* RFC 7217's DAD_Counter */
	vs_time preferred_until, valid_until;  /* VS_NEVER: for ever */
	vs_time preferred_max, valid_max;      /* of a temporary one: RFC 8981 3.4 */
	vs_time conflict_at; /* when it was last defended: RFC 5227 2.4; 0: never */
	struct ip_address *hash_next;
	struct ip_address *if_next; /* in the order they were added */
};

struct ip_interface {
	int ifindex;
	bool up;
	char name[STK_NAME_MAX];
	uint8_t mac[WIRE_MAC_LEN];
	uint32_t mtu;
	struct ip_address *addresses;
	struct ip_group *groups;	/* stack/group */
	struct group_link *group_link;	/* the same */
	struct ra *ra;		   /* what routers advertise; NULL: nobody listens */
	uint32_t mtu6;		   /* an advertised one; 0: none */
	uint8_t hop_limit6;	   /* the same */
	uint32_t reachable_ms6, retrans_ms6; /* the same */
	bool off6; /* its link-local address is somebody else's: RFC 4862 5.4.5 */
};

struct ip_route {
	struct stk_route r;		/* ifindex is never 0 */
	const struct ip_address *owner; /* the address it came with, or NULL */
	struct ip_route *next;		/* by metric, then age */
};

struct ip_pmtu {
	struct wire_addr dst;
	uint32_t mtu;
	vs_time expires;
	struct ip_pmtu *next;
};

/* A better next hop to one destination, as a router said (ip_redirect.c). */
struct ip_redirect {
	struct wire_addr dst, gateway;
	struct wire_addr router; /* the route's own next hop, which gateway stands in for */
	int ifindex;
	vs_time expires;
	struct ip_redirect *next; /* newest first */
};

/* A remembered answer of ip_path_find(). */
struct ip_remembered {
	struct wire_addr dst, src;
	int ifindex;
	struct ip_path path;
};

struct ip_settings {
	int64_t ttl, hop_limit;
	int64_t forwarding4, forwarding6;
	int64_t frag_time_s, frag6_time_s, frag_bytes, frag6_bytes;
	int64_t hop_options_max, dst_options_max;
	int64_t mtu_expires_s;
	int64_t port_low, port_high;
	int64_t rmem_default, rmem_max;
	int64_t echo_ignore_all, echo_ignore_broadcasts, echo6_ignore_all;
	int64_t icmp_rate_ms, icmp6_rate_ms, icmp_msgs_per_sec, icmp_msgs_burst;
	int64_t reachable_ms, retrans_ms, delay_probe_s, solicit_multicast, solicit_unicast;
	int64_t neigh_max;
	int64_t accept_dad, dad_transmits, acd;
	int64_t accept_redirects4, accept_redirects6, secure_redirects, shared_media;
	int64_t send_redirects, redirect_timeout_s;
	int64_t igmp_max_memberships, igmp_max_msf, mld_max_msf, igmp_qrv, mld_qrv;
	int64_t force_igmp, force_mld, igmp_link_local, mld_own_reports;
	int64_t igmp2_unsolicited_ms, igmp3_unsolicited_ms;
	int64_t mld1_unsolicited_ms, mld2_unsolicited_ms;
	int64_t accept_ra, accept_ra_defrtr, accept_ra_pinfo, accept_ra_mtu, autoconf;
	int64_t accept_ra_rtr_pref, accept_ra_min_hop_limit, accept_ra_rt_min, accept_ra_rt_max;
	int64_t use_tempaddr, temp_valid_s, temp_preferred_s, addr_gen_mode;
	int64_t solicitations, solicit_delay_s, solicit_interval_s, solicit_interval_max_s;
	struct wire_addr stable_secret;
};

struct ip_reasm;

struct ip {
	struct ip_interface *ifs[STK_IF_MAX + 1];
	struct ip_address *addresses[IP_BUCKETS];
	struct ip_route *routes[IP_BUCKETS];
	unsigned routes_of_length[129];
	struct ip_remembered remembered[IP_PATHS];
	struct ip_pmtu *pmtu[IP_PMTU_BUCKETS];
	unsigned pmtu_count;
	struct vs_timer pmtu_timer;
	struct ip_redirect *redirects;
	unsigned redirects_count;
	struct vs_timer redirect_timer;
	struct ip_reasm *reasm;	     /* datagrams in pieces, newest first */
	struct ip_reasm *reasm_free; /* entries made once, for the next ones */
	struct vs_queue loop; /* packets to ourselves */
	struct vs_timer loop_timer;
	uint64_t hash_key;
	struct vs_prng temporary; /* chance for temporary addresses */
	uint16_t id_next; /* RFC 791 identification; one sequence for the host */
	uint32_t id6_next;
	struct ip_settings set;
};

extern const struct wire_addr ip_link_local_any; /* fe80::, to choose a source for */

static inline uint64_t ip_hash(const struct stk *s, const struct wire_addr *a)
{
	uint64_t x[2], h;

	memcpy(x, a->b, 16);
	h = (x[0] ^ s->ip->hash_key) * 0x9e3779b97f4a7c15u;
	h = (h ^ (h >> 29) ^ x[1]) * 0xbf58476d1ce4e5b9u;
	return h ^ (h >> 32);
}

static inline struct ip_interface *ip_if(const struct stk *s, int ifindex)
{
	return ifindex > 0 && ifindex <= STK_IF_MAX ? s->ip->ifs[ifindex] : NULL;
}

static inline size_t ip_header_size(bool is4)
{
	return is4 ? WIRE_IP4_LEN : WIRE_IP6_LEN;
}

int ip_create(struct stk *);
void ip_destroy(struct stk *);

/* Interfaces and addresses (ip_if.c). */
struct ip_address *ip_address_find(const struct stk *, const struct wire_addr *); /* VALID */
/* In whatever state, on one interface. */
struct ip_address *ip_address_on(const struct ip_interface *, const struct wire_addr *);

/* Groups (stack/group): what an interface receives, and from which sources. The stack's own
 * membership counts its users. 0 or -ENOMEM.
 */
bool ip_group_has(const struct ip_interface *, const struct wire_addr *);
bool ip_group_has_mac(const struct ip_interface *, const uint8_t mac[WIRE_MAC_LEN]);
bool ip_group_accepts(const struct ip_interface *, const struct wire_addr *group,
		      const struct wire_addr *src);
int ip_group_join(struct stk *, vs_time now, struct ip_interface *, const struct wire_addr *);
void ip_group_leave(struct stk *, vs_time now, struct ip_interface *, const struct wire_addr *);
int group_link_init(struct stk *, struct ip_interface *);
void group_link_up(struct stk *, vs_time now, struct ip_interface *);
void ip_groups_fini(struct stk *, struct ip_interface *);

/* What is remembered about ways is void (ip_route.c). */
static inline void ip_changed(struct stk *s)
{
	s->route_generation++;
}

/* What fits on the link: IPv6's may be less, if routers say so. */
static inline uint32_t ip_if_mtu(const struct ip_interface *interface, bool is4)
{
	return !is4 && interface->mtu6 && interface->mtu6 < interface->mtu ? interface->mtu6
									   : interface->mtu;
}

static inline vs_time ip_retrans_time(const struct stk *s, const struct ip_interface *interface,
				      bool is4)
{
	return (!is4 && interface->retrans_ms6 ? interface->retrans_ms6 : s->ip->set.retrans_ms) *
	       VS_MSEC;
}

/* As stk_addr_add(); the address is lent. Only a manual or link-local one brings a route. */
int ip_address_add(struct stk *, vs_time now, int ifindex, const struct ip_address *like,
		   struct ip_address **);

int ip_route_insert(struct stk *, const struct stk_route *, const struct ip_address *owner);
void ip_route_drop_owner(struct stk *, const struct ip_address *owner);
void ip_route_drop_if(struct stk *, int ifindex);
void ip_route_fini(struct stk *);
/* Gives the route to dst, over an interface (0: any). 0 or -ENETUNREACH. */
int ip_route_for(const struct stk *, const struct wire_addr *dst, int ifindex, struct stk_route *);
bool ip_route_is_default_via(const struct stk *, int ifindex, const struct wire_addr *gateway);
/* Whether an address is on the link by a prefix of one of the interface's own addresses. */
bool ip_on_link(const struct ip_interface *, const struct wire_addr *);

/* The best address of an interface to talk to dst: RFC 6724 5. NULL: none fits (ip_source.c). */
const struct ip_address *ip_source_select(const struct stk *, const struct ip_interface *,
					  const struct wire_addr *dst);

/* The same when the next hop is known: rule 5.5. */
const struct ip_address *ip_source_select_via(const struct stk *, const struct ip_interface *,
					      const struct wire_addr *dst,
					      const struct wire_addr *next_hop);

/* Path MTU discovery (ip_pmtu.c): what a router said fits; 0: it did not say, and sent bytes were
 * too many.
 */
void ip_pmtu_learn(struct stk *, vs_time now, const struct wire_addr *dst, uint32_t mtu,
		   uint32_t sent);
uint32_t ip_pmtu_get(const struct stk *, const struct wire_addr *dst); /* 0: not known */
int ip_pmtu_init(struct stk *);
void ip_pmtu_fini(struct stk *);

/* Redirects (ip_redirect.c). Says whether from, who must be the first hop to dst, was believed that
 * gateway is a better one; find gives the gateway that stands in for the route's, or NULL; drop
 * forgets what a gateway (NULL: any) stood in for.
 */
int ip_redirect_init(struct stk *);
void ip_redirect_fini(struct stk *);
bool ip_redirect_learn(struct stk *, vs_time now, struct ip_interface *,
		       const struct wire_addr *from, const struct wire_addr *dst,
		       const struct wire_addr *gateway);
const struct wire_addr *ip_redirect_find(const struct stk *, const struct wire_addr *dst,
					 const struct stk_route *);
void ip_redirect_drop(struct stk *, int ifindex, const struct wire_addr *gateway);

/* Tells the source of a forwarded packet of a better next hop on its own link, if it may be told:
 * RFC 1812 5.2.7.2, RFC 4861 8.2. f is lent, its data behind the IP header.
 */
void icmp_send_redirect(struct stk *, vs_time now, const struct ip_received *,
			const struct ip_path *, const struct vs_frame *f);

/* Frames and packets that arrive (ip_input.c). Each takes f. */
void ip_eth_input(struct stk *, vs_time now, struct ip_interface *, struct vs_frame *f);
void ip_input(struct stk *, vs_time now, int ifindex, bool link_group, struct vs_frame *f);
void ip_input_own(struct stk *, vs_time now, int ifindex, struct vs_frame *f); /* looped */

/* Takes f, a packet whose header still is at its start and that is not for us. */
void ip_forward(struct stk *, vs_time now, const struct ip_received *, struct vs_frame *f);

/* Takes f, one fragment with data at its IP header. Gives the whole packet, data at its header,
 * when it was the last one missing (ip_reasm.c).
 */
struct vs_frame *ip_reasm(struct stk *, vs_time now, const struct ip_received *,
			  struct vs_frame *f);
void ip_reasm_fini(struct stk *);

/* Takes f, whose data is the payload with ip->header_len bytes in front of it, and sends it in
 * pieces of at most mtu bytes (ip_fragment.c). Gives -errno when none left.
 */
int ip_fragment(struct stk *, vs_time now, const struct ip_path *, const struct wire_ip *,
		struct vs_frame *f);

/* IPv4's options, without padding rules of their own (ip_options.c): records our address, or the
 * time, where they ask for it; gives 0, or the byte of the header that is wrong. reflect copies
 * what an echo answers with (RFC 1122 3.2.2.6), padded, and gives its length. finish sets lengths
 * and checksum of a header whose options are in place.
 */
unsigned ip_options_record(const struct stk *, vs_time now, uint8_t *options, size_t len,
			   const struct wire_addr *mine);
size_t ip_options_reflect(uint8_t *to, const uint8_t *options, size_t len);
void ip_header4_finish(uint8_t *header, size_t header_len, size_t payload_len);

/* Takes f, a packet, for ourselves at the next stk_run(): as if it had come in by an interface, if
 * it went to a group there.
 */
void ip_loop(struct stk *, vs_time now, int ifindex, struct vs_frame *f);

/* Takes f, a complete frame, for stk_output(). */
void stk_emit(struct stk *, int ifindex, struct vs_frame *f);

/* Takes f and sends it, behind an Ethernet header, to a station. */
void neigh_send(struct stk *, const struct ip_interface *, const uint8_t mac[WIRE_MAC_LEN],
		uint16_t type, struct vs_frame *f);

/* The neighbour table (stack/neigh). */
int neigh_create(struct stk *);
void neigh_destroy(struct stk *);
void neigh_flush(struct stk *, int ifindex);
/* When it was found, a little while ago, that nobody answers there; or VS_NEVER. */
vs_time neigh_failed_at(const struct stk *, int ifindex, const struct wire_addr *);
/* The station of an address, if it is known; or NULL. */
const uint8_t *neigh_mac(const struct stk *, int ifindex, const struct wire_addr *);
/* A router's or solicitor's message named its station (NULL: it did not). */
void neigh_hear(struct stk *, vs_time now, struct ip_interface *, const struct wire_addr *,
		const uint8_t *mac, bool router);
/* Takes f, an IP packet; adds the Ethernet header once the next hop is known. */
void neigh_output(struct stk *, vs_time now, struct ip_interface *,
		  const struct wire_addr *next_hop, struct vs_frame *f);
/* Duplicate address detection (RFC 4862 5.4) and IPv4's conflict detection (RFC 5227): asks about
 * an address, if the settings say so. 0 or -ENOMEM. dad_stop() when the address goes, and before
 * it is asked about anew.
 */
int dad_start(struct stk *, vs_time now, struct ip_address *);
void dad_stop(struct stk *, struct ip_address *);
/* A message from one of our addresses, or ::. mac NULL: it is looked up. */
void nd_send(struct stk *, vs_time now, struct ip_interface *, const struct wire_addr *src,
	     const struct wire_addr *dst, const uint8_t *mac, const struct wire_nd *);
void arp_input(struct stk *, vs_time now, struct ip_interface *, struct vs_frame *f);
void nd_input(struct stk *, vs_time now, const struct ip_received *, struct vs_frame *f);

/* Router discovery (stack/config/ra.c): begins on an interface, if the settings say so; 0 or
 * -ENOMEM. ra_fini() when the interface goes.
 */
int ra_start(struct stk *, vs_time now, struct ip_interface *);
void ra_fini(struct stk *, struct ip_interface *);
void ra_input(struct stk *, vs_time now, struct ip_interface *, const struct wire_addr *src,
	      const struct wire_nd *);
/* A neighbour says that it is no router (any more). */
void ra_router_gone(struct stk *, struct ip_interface *, const struct wire_addr *);

/* Addresses without an administrator (stack/config/slaac.c). slaac_run() does what is due, and
 * gives when it wants to be called again.
 */
struct wire_nd_prefix;
struct wire_addr slaac_link_local(const struct stk *, const uint8_t mac[WIRE_MAC_LEN],
				  unsigned tries);
void slaac_prefix(struct stk *, vs_time now, struct ip_interface *, const struct wire_addr *router,
		  const struct wire_nd_prefix *);
vs_time slaac_run(struct stk *, vs_time now, struct ip_interface *);
void slaac_duplicate(struct stk *, vs_time now, struct ip_interface *, struct ip_address *);
void slaac_changed(struct stk *, vs_time now, struct ip_interface *); /* re-arms (ra.c) */

/* ICMP (stack/icmp). */
int icmp_create(struct stk *);
void icmp_destroy(struct stk *);
/* Takes f, an ICMP message without checksum: sets it and sends. hop_limit 0: the default. */
int icmp_output(struct stk *, vs_time now, const struct wire_addr *dst, const struct wire_addr *src,
		int ifindex, uint8_t hop_limit, uint8_t tclass, struct vs_frame *f);
/* Tells the socket that sent the packet (data at its IP header; lent) what became of it. */
void icmp_tell_local(struct stk *, vs_time now, const struct vs_frame *packet, int error);
void ping_error(struct stk *, vs_time now, const struct ip_error *);
void ping_input(struct stk *, vs_time now, const struct ip_received *, struct vs_frame *f);

/* UDP (stack/udp). */
int udp_create(struct stk *);
void udp_destroy(struct stk *);

/* Settings (stk_settings.c). */
void stk_settings_init(struct stk *);

#endif
